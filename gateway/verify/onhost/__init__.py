"""What a verification looks at on the host itself: standard library only, one run for many questions.

Secrets stay where they are: values of a container's environment are read from the engine here, used
or hashed here, and never part of an answer.
"""
