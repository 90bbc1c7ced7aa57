import os
for place in ("/tmp", "/home/student", "/dev/shm", "."):
    for number in range(100):
        open(f"{place}/{number}", "wb").write(bytes(1_000_000))
