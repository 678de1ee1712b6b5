"""What is measured: `gateway` what the gateway costs, `fleet` what a deploy to many hosts costs, beside others."""
