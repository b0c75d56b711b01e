from platen_tracking.main import main

main()
