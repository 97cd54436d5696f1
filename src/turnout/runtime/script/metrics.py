"""The `log…` methods of `Run`, and the metrics read back."""

import json
import os
import time

from turnout.runtime import events, record
from turnout.runtime.script import charts, values
from turnout.runtime.script.exceptions import UserErrorException
from turnout.runtime.script.files import Files
from turnout.runtime.script.writer import json_text, quote

MYPY = False
if MYPY:
    from typing import Any, Dict, Optional


class Metrics(Files):
    """Reports metrics. Every call is in the record when it returns, and raises RecordException when it can't be.

    A full disk is said, not hidden: a metric that is silently missing is worse than a script that stops. The record
    stays readable, and once there is space the next call succeeds.
    """

    def log(self, name: str, value: "Any", description: str = "", step: "Optional[int]" = None) -> None:
        """Log a number or a string. Logged again under the same name, it becomes a series.

        Args:
            name: the metric; any string that isn't empty.
            value: int, float (NaN and infinities too), bool, str, None; a scalar, or an array of one element, of
                numpy and its kin; Decimal and Fraction as the nearest float.
            description: a text about the metric.
            step: an integer, the position on a chart's horizontal axis.

        Raises:
            UserErrorException: a list or array (use `log_list`), a dict (use `log_row` or `log_table`), bytes, or any
                other object. v1 logged the `repr` of those.
            RecordException: the record can't be written, for instance because the disk is full.
        """
        if type(name) is not str or not name:
            name = values.metric_name(name)
        text = '"e":"metric","name":%s,"kind":"scalar","value":%s' % (quote(name), values.scalar_text(name, value))
        if description or step is not None:
            text += _extras(name, description, step)
        self._writer.append(text)

    def log_list(self, name: str, value: "Any", description: str = "") -> None:
        """Log a list of values. Logged again under the same name, the lists are joined.

        Args:
            name: the metric.
            value: a list, tuple, range, generator or one-dimensional array; it may be empty.
            description: a text about the metric.
        """
        name = values.metric_name(name)
        self._metric(name, events.LIST, values.sequence("log_list", "metric %r" % name, value), description)

    def log_row(self, name: str, description: "Optional[str]" = None, **kwargs: "Any") -> None:
        """Log one row of a table: `run.log_row("Y over X", x=1, y=0.4)`.

        Args:
            name: the metric.
            description: a text about the metric.
            **kwargs: the columns, each a value as for `log`.
        """
        name = values.metric_name(name)
        self._metric(name, events.ROW, values.row(name, kwargs), description)

    def log_table(self, name: str, value: "Dict[str, Any]", description: str = "") -> None:
        """Log several rows of a table: `run.log_table("Y over X", {"x": [1, 2], "y": [0.4, 0.5]})`.

        Args:
            name: the metric.
            value: a dict of columns, lists of one length (a dict of scalars is one row).
            description: a text about the metric.
        """
        name = values.metric_name(name)
        self._metric(name, events.TABLE, values.table(name, value), description)

    def log_image(self, name: str, path: "Optional[str]" = None, plot: "Any" = None, description: str = "") -> None:
        """Log an image, either a file or a plot. It becomes an artifact of the run that the metric refers to.

        Args:
            name: the metric.
            path: an image file; the artifact is called like this path (its base name when the path is absolute).
            plot: anything with `savefig`, such as `matplotlib.pyplot`; the artifact is called `<name>_<unix
                seconds>.png`.
            description: a text about the metric.

        Raises:
            UserErrorException: neither or both of `path` and `plot`, or a file that is no image (its content counts).
        """
        name = values.metric_name(name)
        if (path is None) == (plot is None):
            raise UserErrorException("run.log_image: give metric %r either a path or a plot" % name)
        if path is None:
            artifact = self._keep_plot(name, plot)
        else:
            charts.check_image(os.fspath(path))
            artifact = self._keep(charts.image_name(os.fspath(path)), path)
        self._metric(name, events.IMAGE, {"$artifact": artifact}, description)

    def log_confusion_matrix(self, name: str, value: "Any", description: str = "") -> None:
        """Log a confusion matrix; it becomes an artifact called `name`.

        Args:
            name: the metric.
            value: a dict, or its JSON text, of v1's schema: `{"schema_type": "confusion_matrix", "schema_version":
                "1.0.0", "data": {"class_labels": […], "matrix": [[…], …]}}`.
            description: a text about the metric.
        """
        self._chart("confusion_matrix", name, value, description)

    def log_accuracy_table(self, name: str, value: "Any", description: str = "") -> None:
        """Log an accuracy table; it becomes an artifact called `name`.

        Args:
            name: the metric.
            value: a dict, or its JSON text, of v1's schema `accuracy_table`, whose data are probability_tables,
                percentile_tables, probability_thresholds, percentile_thresholds and class_labels.
            description: a text about the metric.
        """
        self._chart("accuracy_table", name, value, description)

    def log_predictions(self, name: str, value: "Any", description: str = "") -> None:
        """Log predicted against true values; it becomes an artifact called `name`.

        Args:
            name: the metric.
            value: a dict, or its JSON text, of v1's schema `predictions`, whose data are bin_averages, bin_errors,
                bin_counts and bin_edges.
            description: a text about the metric.
        """
        self._chart("predictions", name, value, description)

    def log_residuals(self, name: str, value: "Any", description: str = "") -> None:
        """Log a histogram of residuals; it becomes an artifact called `name`.

        Args:
            name: the metric.
            value: a dict, or its JSON text, of v1's schema `residuals`, whose data are bin_edges and bin_counts.
            description: a text about the metric.
        """
        self._chart("residuals", name, value, description)

    def _own_metrics(self, name: "Optional[str]", populate: bool) -> "Dict[str, Any]":
        """Return this run's metrics in v1's shape; only `name` when given; charts by content with `populate`."""
        found = self.record.metrics()
        if name is not None:
            found = {name: found[name]} if name in found else {}
        if populate:
            prefix = record.artifact_prefix(self.id)
            found = {metric: self._populated(value, prefix) for metric, value in found.items()}
        return found

    def _populated(self, value: "Any", prefix: str) -> "Any":
        if isinstance(value, list):
            return [self._populated(item, prefix) for item in value]
        if not isinstance(value, str) or not value.startswith(prefix):
            return value
        path = self.record.artifact_path(value[len(prefix) :])
        try:
            with open(path or "", "rb") as stream:
                return json.loads(stream.read().decode("utf-8"))
        except (OSError, ValueError):
            return value  # an image, or not on this machine: the reference stays

    def _metric(self, name: str, kind: str, value: "Any", description: "Optional[str]") -> None:
        text = '"e":"metric","name":%s,"kind":"%s","value":%s' % (quote(name), kind, json_text(value))
        self._writer.append(text + _extras(name, description, None))

    def _chart(self, kind: str, name: str, value: "Any", description: str) -> None:
        import io  # charts are rare, and a script that only imports Run shouldn't pay for them

        name = values.metric_name(name)
        content = io.BytesIO(charts.chart_text(kind, name, value).encode("utf-8"))
        self._metric(name, kind, {"$artifact": self._keep(name, content)}, description)

    def _keep_plot(self, name: str, plot: "Any") -> str:
        if not hasattr(plot, "savefig"):
            raise UserErrorException(
                "run.log_image: the plot of metric %r is a %s without savefig" % (name, type(plot).__name__)
            )
        second, attempt = int(time.time()), 0
        if not self._prepare():
            return charts.plot_name(name, second, attempt)
        while self.record.artifact_path(charts.plot_name(name, second, attempt)) is not None:
            attempt += 1
        drawn = os.path.join(self.layout.root, ".plot-%d-%s.png" % (os.getpid(), os.urandom(4).hex()))
        try:
            plot.savefig(drawn)
            return self._keep(charts.plot_name(name, second, attempt), drawn)
        finally:
            if os.path.exists(drawn):
                os.unlink(drawn)


def _extras(name: str, description: "Optional[str]", step: "Any") -> str:
    text = ""
    if step is not None:
        text = ',"step":%d' % values.step(name, step)
    if description:
        text += ',"description":%s' % quote(str(description))
    return text
