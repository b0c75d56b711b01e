from platen_orders.main import main

main()
