"""When a container is made anew, and how files are put into it."""

import dataclasses
import io
import tarfile

from lab.containers import Container, PlacedFile, description_hash, write_files

PLAIN = Container("one", "image", "172.30.87.9")


def test_every_part_of_the_description_counts() -> None:
    variants = [
        PLAIN,
        dataclasses.replace(PLAIN, address="172.30.87.8"),
        dataclasses.replace(PLAIN, private_address="172.30.88.9"),
        dataclasses.replace(PLAIN, options=("--privileged",)),
        dataclasses.replace(PLAIN, volumes={"one": "/data"}),
        dataclasses.replace(PLAIN, files={"/a": PlacedFile(b"x")}),
        dataclasses.replace(PLAIN, files={"/a": PlacedFile(b"x", 0o600)}),
    ]
    hashes = {description_hash(variant, "sha256:1") for variant in variants}
    assert len(hashes | {description_hash(PLAIN, "sha256:2")}) == len(variants) + 1


def test_files_keep_owner_and_mode() -> None:
    stream = io.BytesIO()
    write_files({"/home/x/key": PlacedFile(b"secret", 0o600, 1000, 37)}, stream)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        entry = archive.getmember("home/x/key")
    assert (entry.mode, entry.uid, entry.gid, entry.size) == (0o600, 1000, 37, 6)
