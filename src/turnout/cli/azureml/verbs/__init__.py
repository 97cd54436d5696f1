"""The verbs of v1's command line, `az ml …` as `turnout azureml …`: a file per noun; they print JSON, as it did.

What names a subscription, a resource group or a location is accepted. Nothing here does what the Python API doesn't.
"""
