if __name__ == "__main__":
    # Imported here: the drawing processes import this module too, and need nothing of the service.
    from platen_render.main import main

    main()
