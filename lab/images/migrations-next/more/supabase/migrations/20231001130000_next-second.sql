-- STAND-IN (lab only): and changes it.
alter table public.lab_next add column name text;
