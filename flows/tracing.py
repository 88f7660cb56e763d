"""OpenTelemetry traces of a run, where an endpoint is set and the extra `otel` is installed: run, chunk, row, stage."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from manifests.ledger_row import LedgerRow
from manifests.stage_run import FINISHED, StageRun

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")  # as OpenTelemetry names them
FAILED = ("failed", "quarantined")
FLUSH_SECONDS = 5.0  # that the end of a run waits for a collector


def endpoint() -> str:
    """Where traces go; "" where nobody asked for them."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return ""
    return next((value for name in ENDPOINTS if (value := os.environ.get(name))), "")


def is_installed() -> bool:
    """Whether the extra is there."""
    names = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
    return find_spec("opentelemetry") is not None and all(_found(name) for name in names)


def _found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


class Tracer:
    """Spans of one run. Workers measure and name their machine; the driver, which hears of every end, exports."""

    def __init__(self, run: str, exporter: SpanExporter | None = None) -> None:
        """To `exporter`, else over OTLP/HTTP to the endpoint; below the span that TRACEPARENT names, where it does."""
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        if exporter is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter()
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "meshmill"}
        self.provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        self.processor = BatchSpanProcessor(exporter)
        self.provider.add_span_processor(self.processor)
        self.tracer = self.provider.get_tracer("meshmill")
        self.propagator = TraceContextTextMapPropagator()
        above = self.propagator.extract({"traceparent": os.environ.get("TRACEPARENT", "")})
        self.root = self.tracer.start_span("run", above, attributes={"meshmill.run": run})

    def begin(self, name: str, above: Span, about: Mapping[str, Any]) -> Span:
        """A span below another, begun now."""
        from opentelemetry.trace import set_span_in_context

        return self.tracer.start_span(name, set_span_in_context(above), attributes=dict(about))

    def parent(self, span: Span) -> str:
        """A span as programs elsewhere take it: its W3C traceparent."""
        from opentelemetry.trace import set_span_in_context

        carrier: dict[str, str] = {}
        self.propagator.inject(carrier, set_span_in_context(span))
        return carrier.get("traceparent", "")

    def end(self, span: Span, row: LedgerRow, runs: Sequence[StageRun]) -> None:
        """A row's span, with its stages in it at the times that their machines measured."""
        from opentelemetry.trace import Status, StatusCode, set_span_in_context

        inside = set_span_in_context(span)
        for run in runs:
            about = {"meshmill.outcome": run.outcome, "host.name": run.host}
            stage = self.tracer.start_span(run.stage, inside, attributes=about, start_time=_ns(run.started))
            if run.outcome != FINISHED:
                stage.set_status(Status(StatusCode.ERROR, run.outcome))
            stage.end(_ns(run.started + run.seconds))
        span.set_attributes({"meshmill.outcome": row.outcome, "meshmill.reasons": list(row.reasons)})
        if row.outcome in FAILED:
            span.set_status(Status(StatusCode.ERROR, row.reasons[0] if row.reasons else row.outcome))
        span.end()

    def close(self) -> None:
        """End the run's span and send what is left; a collector that is away is not waited for long."""
        self.root.end()
        self.provider.force_flush(int(FLUSH_SECONDS * 1000))
        self.provider.shutdown()


def tracer(run: str) -> Tracer | None:
    """The run's tracer; None where nobody asked, or the extra is not installed (`meshmill doctor` says so)."""
    return Tracer(run) if endpoint() and is_installed() else None


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
