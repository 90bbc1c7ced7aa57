for seq in range(1, 11):
    print(f"seq={seq} timeout" if seq in (3, 5, 8, 10) else f"seq={seq} rtt=41.0")
print("sent=10 received=6 lost=4")
