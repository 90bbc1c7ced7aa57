for file in ("/etc/passwd", "/usr/bin/python3", "/tmp/../x", "../x", "/x"):
    try:
        open(file, "w").write("mine")
    except OSError:
        pass
