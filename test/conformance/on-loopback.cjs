// Loaded into the runner of the conformance suite, and an example server, before it starts (`--require`). Its servers listen wherever the system
// lets them; here they get the loopback address, and whoever is started afterwards learns their ports, oldest first.
const dns = require('node:dns');
const { Server } = require('node:net');

const { env } = process;
const { listen } = Server.prototype;
const { lookup } = dns;

Server.prototype.listen = function listenOnLoopback(port, ...rest) {
  // Some pass it as they read it, in digits.
  if (!/^\d+$/.test(String(port))) throw new Error('on-loopback: expected a port');
  const server = listen.call(this, Number(port), '127.0.0.1', ...rest.filter((each) => typeof each === 'function'));
  env.CONFORMANCE_PORTS = [env.CONFORMANCE_PORTS, this.address().port].filter(Boolean).join(',');
  return server;
};

// The suite reads the port right after `listen`, which looks a host up first, literal or not, and answers later.
dns.lookup = function lookupLoopbackAtOnce(host, ...rest) {
  const answer = rest.at(-1);
  if (host !== '127.0.0.1') return lookup.call(this, host, ...rest);
  return rest[0].all === true ? answer(null, [{ address: host, family: 4 }]) : answer(null, host, 4);
};
