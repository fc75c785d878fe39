"""How long cases were on screen, told from events."""

from napari_tumor_synth.study.event_chain import Event

_NANO = 1e-9


class CaseClock:
    """Follows events; pauses, and what was lost between programs, do not count.

    Attributes
    ----------
    token : str or None
        Of the case at hand.
    seconds : dict of str to float
        Until the last event, by token.
    """

    def __init__(self) -> None:
        self.token: str | None = None
        self.seconds: dict[str, float] = {}
        self._since: tuple[str, int] | None = None  # session and time when it was last on screen

    def follow(self, event: Event) -> None:
        """Go on to an event."""
        now = event["session"], event["monotonic_ns"]
        if self.token is not None and self._since is not None and self._since[0] == now[0]:
            self.seconds[self.token] += (now[1] - self._since[1]) * _NANO
            self._since = now
        name = event["event"]
        if name == "case_shown":
            self.token, self._since = event["token"], now
            self.seconds.setdefault(event["token"], 0.0)
        elif name in ("paused", "resumed"):
            self._since = None
        elif name == "continued":
            self._since = now if self.token is not None else None
        elif name in ("case_done", "went_back"):
            self.token = self._since = None
