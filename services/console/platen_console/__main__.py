from platen_console.main import main

main()
