from platen_messaging.migrate import run_env

run_env()
