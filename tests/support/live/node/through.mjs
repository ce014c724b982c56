// Sends each request of a Node program with a token, and finds a host at the gateway, as DNS would.
import dns from 'node:dns';

const { THROUGH_HOST, THROUGH_ADDRESS, THROUGH_TOKEN } = process.env;
const lookup = dns.lookup;
dns.lookup = (name, ...rest) => lookup(name === THROUGH_HOST ? THROUGH_ADDRESS : name, ...rest);

const original = globalThis.fetch;
globalThis.fetch = (input, init = {}) => {
  const headers = new Headers(init.headers);
  headers.set('authorization', 'Bearer ' + THROUGH_TOKEN);
  return original(input, { ...init, headers });
};
