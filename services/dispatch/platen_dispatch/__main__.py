from platen_dispatch.main import main

main()
