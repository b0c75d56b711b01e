from platen_sync.main import main

main()
