"""Pure decisions: `intake` and `merge` take in shop orders, `commands` answers people, `facts` and `drawing` other services,
`timers` the clock; `change` makes versions of any, and `following` adds what each entails."""
