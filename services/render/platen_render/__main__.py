from platen_render.main import main

if __name__ == "__main__":  # the drawing processes import this module too
    main()
