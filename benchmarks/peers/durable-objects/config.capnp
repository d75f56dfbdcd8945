# One worker with Durable Objects kept on disk. The socket's address and the folder "storage" come
# from the command line.

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "counters", worker = .counters),
    (name = "storage", disk = (writable = true)),
  ],
  sockets = [(name = "http", http = (), service = "counters")],
);

const counters :Workerd.Worker = (
  compatibilityDate = "2026-10-01",
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  durableObjectNamespaces = [(className = "Counter", uniqueKey = "counters", enableSql = true)],
  durableObjectStorage = (localDisk = "storage"),
  bindings = [(name = "COUNTER", durableObjectNamespace = "Counter")],
);
