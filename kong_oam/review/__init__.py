"""The review of a change as one comment: access first, then policies, then resources.

`python -m kong_oam review` runs `check`, `diff`, `graph` and `pulumi preview` for each stack and
prints Markdown. The previews use the policy pack. On GitHub the command updates one comment of a
pull request. It prints only named fields of the commands' outputs, so no value of a resource gets
into the comment.
"""
