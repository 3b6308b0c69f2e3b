import { Answer, Request, serve } from "./server";

// Your application: the status and the body that answer one request.
serve((request: Request): Answer => {
  if (request.path != "/") return new Answer("404 Not Found", "There is nothing here\n");
  return new Answer("200 OK", `Hello from mewz\nYou sent a ${request.method}\n`);
});
