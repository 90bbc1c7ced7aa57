while True:
    print("seq=1 rtt=41.0" * 1000)
