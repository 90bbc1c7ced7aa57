print("the file has another name")
