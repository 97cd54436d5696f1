from azureml.core import Run

run = Run.get_context()
run.log_list("squares", [number**2 for number in range(4)])
run.complete()
