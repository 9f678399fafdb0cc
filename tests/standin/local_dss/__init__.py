"""A local stand-in for Dataiku: a project as a folder, the LLM Mesh on real sockets, jobs as DSS runs them."""
