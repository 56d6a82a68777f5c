"""A progress bar for an import, with tqdm.

    progress.py SOURCE DESTINATION NAMESPACE

Imports one store into another. Ctrl-C ends it; running it again goes on, since every event arrives
once.
"""

import sys

from tqdm import tqdm

import fbat


def main(source_path: str, destination_path: str, namespace: str) -> None:
    """Import, and show how far it is."""
    with (
        fbat.Store(source_path, mode=fbat.OpenMode.READ_ONLY) as source,
        fbat.Store(destination_path) as destination,
        tqdm(total=source.frontier().visible, unit=" events", desc=namespace) as bar,
    ):

        def show(report: fbat.ImportReport) -> None:
            bar.update(report.source_position - bar.n)

        report = destination.import_from(source, namespace, progress=show)
    print(f"{report.imported} imported, {report.deduplicated} were there")


if __name__ == "__main__":
    main(*sys.argv[1:])
