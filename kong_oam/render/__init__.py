"""Components as the Kubernetes objects that their definitions make of them.

`evaluator` runs the program in the project's folder of that name, `cache` keeps what it answers,
`requests` says what it is asked and `findings` what its findings mean, both as values; `rendering`
puts them together.
"""
