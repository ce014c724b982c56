"""Shows a reviewer what a change does: access first, then policies, then resources, as one comment.

`python -m kong_oam review` runs `check`, `diff`, `graph` and `pulumi preview` with the policy pack,
per stack, and prints Markdown; on GitHub it keeps one comment of a pull request up to date. It
knows nothing of Pulumi's program: what it shows are fields that are named here, one by one, so that
no value of a resource gets into it.
"""
