"""The whole product against all fake vendors at once, in processes of their own."""
