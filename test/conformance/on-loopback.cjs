// Loaded into the runner of the conformance suite, and an example server, before it starts (`--require`). Its servers listen wherever the system
// lets them; here they get the loopback address, and whoever is started afterwards learns their ports, oldest first. An identity
// provider of the suite names an address for its keys and serves nothing there: here it serves the key that it signs with.
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

const published = [];
const { subtle } = globalThis.crypto;
const { generateKey } = subtle;
subtle.generateKey = async function publishPublicKey(...how) {
  const pair = await generateKey.apply(subtle, how);
  if (how[0]?.name === 'ECDSA') published.push(await subtle.exportKey('jwk', pair.publicKey));
  return pair;
};

const { emit } = require('node:http').Server.prototype;
require('node:http').Server.prototype.emit = function answerForKeys(event, ...rest) {
  const [request, response] = rest;
  if (event !== 'request' || request.url !== '/.well-known/jwks.json' || published.length === 0) {
    return emit.call(this, event, ...rest);
  }
  // It makes the key for ID tokens first, and one for each assertion afterwards.
  const { kty, crv, x, y } = published[0];
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ keys: [{ kty, crv, x, y, alg: 'ES256', use: 'sig' }] }));
  return true;
};
