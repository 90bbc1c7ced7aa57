import glob
for place in ("/home/*/*", "/root/*", "/tmp/*", "/work/*", "/proc/*/cmdline", "../*/*"):
    for file in glob.glob(place):
        try:
            print(file, open(file).read()[:2000])
        except OSError:
            pass
