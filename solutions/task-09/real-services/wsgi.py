import time
def application(environ, start_response):
    time.sleep({"/slow": 1.0}.get(environ["PATH_INFO"], 0))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "11")])
    return [b"the answer\n"]
