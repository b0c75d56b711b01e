"""Pure decisions: `intake` makes orders, `commands` answers people, `facts` other services; `change` makes versions of any."""
