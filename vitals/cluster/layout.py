"""Names on the servers: which partition goes through which streams and subjects, and who may use them."""

from __future__ import annotations

from dataclasses import dataclass

from vitals.errors import SettingsError

PARTITIONS, QUARTERS = 64, 4
"""Partitions of a new cluster, for its whole life; and groups of them that one node leads."""

IN, OUT, KEEP = "VITALS_IN", "VITALS_OUT", "VITALS_KEEP"
KEPT_IN, KEPT_OUT = 24 * 3600, 7 * 24 * 3600
"""Seconds that events and outputs stay in the log: workers may be away for so long, and readers."""

LARGEST = 8 << 20
"""Bytes of one message, since a partition's state is one; ``max_payload`` of every server has to be as much."""

NEWS = "vitals.worker"
"""Workers say here what they hold."""

WHICH, THIS = "vitals.which", "vitals.this"
"""What is asked under the first comes back under the second, with the partition that the server makes of it."""


@dataclass(frozen=True)
class Layout:
    """A cluster's partitions, and the quarters they are spread over: whatever kills a leader stalls one quarter of the beds.

    Attributes:
        partitions: how many; fixed for life, since a bed's partition is its hash modulo their number.
        quarters: groups of partitions, each with streams, and so with leaders, of its own.

    Example:
        >>> layout = Layout(8, 4)
        >>> layout.stream("VITALS_IN", 6), layout.events(6), layout.of_quarter(1)
        ('VITALS_IN_2', 'vitals.p.6', [1, 5])
    """

    partitions: int = PARTITIONS
    quarters: int = QUARTERS

    def __post_init__(self) -> None:
        """Refuse quarters without a partition."""
        if not 1 <= self.quarters <= self.partitions:
            raise SettingsError(
                "--partitions", f"{self.partitions} in {self.quarters} quarters", "at least one partition a quarter",
                f"use {PARTITIONS} partitions in {QUARTERS} quarters unless you know better",
            )  # fmt: skip

    def stream(self, kind: str, partition: int) -> str:
        """The stream of a kind (:data:`IN`, :data:`OUT`, :data:`KEEP`) that holds a partition."""
        return f"{kind}_{partition % self.quarters}"

    def of_quarter(self, quarter: int) -> list[int]:
        """Its partitions."""
        return list(range(quarter, self.partitions, self.quarters))

    def streams(self, kind: str) -> list[str]:
        """All streams of a kind."""
        return [f"{kind}_{quarter}" for quarter in range(self.quarters)]

    @staticmethod
    def events(partition: int) -> str:
        """Subject of what comes in."""
        return f"vitals.p.{partition}"

    @staticmethod
    def outputs(partition: int) -> str:
        """Subject of what goes out."""
        return f"vitals.out.{partition}"

    @staticmethod
    def kept(partition: int) -> str:
        """Subject of position and state, which are one value."""
        return f"vitals.keep.{partition}"


def bell(subject: str) -> str:
    """Where the server tells of each message that it stored under a subject, without its content.

    Example:
        >>> bell(Layout.events(6))
        'vitals.new.p.6'
    """
    return subject.replace("vitals.", "vitals.new.", 1)


def tag_of(quarter: int) -> str:
    """What the servers with a copy of a quarter's streams are tagged with.

    Example:
        >>> tag_of(2)
        'quarter:2'
    """
    return f"quarter:{quarter}"


def rights(layout: Layout) -> dict[str, tuple[list[str], list[str]]]:
    """By role what it may publish, and what it may subscribe to; each role has inboxes of its own.

    Example:
        >>> rights(Layout())["gateway"]
        (['vitals.in.*', 'vitals.p.*', 'vitals.which.*', 'vitals.this.*', '$JS.API.STREAM.INFO.VITALS_IN_0'], ['_INBOX_gateway.>', 'vitals.this.*'])
    """

    def reads(kinds: tuple[str, ...]) -> list[str]:
        streams = [stream for kind in kinds for stream in layout.streams(kind)]
        return [f"$JS.API.{verb}.{stream}" for stream in streams for verb in ("DIRECT.GET", "STREAM.MSG.GET")]

    looks = f"$JS.API.STREAM.INFO.{IN}_0"  # which tells the layout

    which, this = [f"{WHICH}.*"], [f"{THIS}.*"]
    return {
        # the server looks at a subject after it has turned a stay into its partition, so both are allowed
        "gateway": (["vitals.in.*", "vitals.p.*", *which, *this, looks], ["_INBOX_gateway.>", *this]),
        "worker": (
            ["vitals.out.>", "vitals.keep.>", f"{NEWS}.>", looks, *reads((IN, OUT, KEEP))],
            ["vitals.new.p.>", f"{NEWS}.>", "_INBOX_worker.>"],
        ),
        "reader": ([looks, *reads((OUT,))], ["vitals.new.out.>", "_INBOX_reader.>"]),
        "admin": ([">"], [">"]),
    }
