"""What the stories share: processes, servers, certificates and checks."""
