import idna
import six
from azureml.core import Run

run = Run.get_context()
run.log("six", six.__version__)
run.log("idna", idna.__version__)
