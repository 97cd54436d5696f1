"""Submits the diabetes example and tells how it went: status, duration, best mse, outputs, where the record lies."""

from __future__ import annotations

import os
import sys

from turnout import Environment, Experiment, ScriptRunConfig, TurnoutException, Workspace

EXAMPLE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "examples", "diabetes")


def main() -> int:
    """Submit, wait with the log on the terminal, and print the summary."""
    workspace = Workspace.from_config()
    environment = Environment.from_pip_requirements("diabetes", os.path.join(EXAMPLE, "requirements.txt"))
    config = ScriptRunConfig(EXAMPLE, script="train.py", environment=environment)
    print("submitting examples/diabetes/train.py; the first time its environment is built", flush=True)
    run = Experiment(workspace, "diabetes").submit(config)
    details = run.wait_for_completion(show_output=True, raise_on_error=False)

    result = run.record.result()
    metrics = run.get_metrics()
    outputs = [name for name in run.get_file_names() if name.startswith("outputs/")]
    rows = [("status", details["status"])]
    if result.get("duration"):
        rows.append(("duration", f"{result['duration']:.1f} s"))
    if "mse" in metrics:
        best = min(range(len(metrics["mse"])), key=metrics["mse"].__getitem__)
        rows.append(("best mse", f"{metrics['mse'][best]:.2f} at alpha {metrics['alpha'][best]:.2f}"))
    if result.get("reason"):
        rows.append(("reason", result["reason"]))
    rows.append(("outputs", f"{len(outputs)} files" + (f", {outputs[0]} to {outputs[-1]}" if outputs else "")))
    rows.append(("record", run.layout.root))
    rows.append(("look", f"turnout show {run.id} (in .venv/bin)"))
    print()
    for name, value in rows:
        print(f"{name:<10}{value}")
    return 0 if details["status"] == "Completed" else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TurnoutException as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
