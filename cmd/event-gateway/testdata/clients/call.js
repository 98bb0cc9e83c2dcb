'use strict';

// Calls a client as it is told: a line of JSON in, {"method","args"}; a line of JSON out, {"value"} or {"error"}.
// Arguments: the package of the client, its configuration as JSON.

const readline = require('readline');

const [name, config] = process.argv.slice(2);
const exported = require(name);
const client = exported.eventGateway ? exported.eventGateway(JSON.parse(config)) : new exported(JSON.parse(config));

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { method, args } = JSON.parse(line);
    console.log(JSON.stringify(await outcome(method, args)));
  }
})();

async function outcome(method, args) {
  try {
    return { value: await plain(await client[method](...args)) };
  } catch (e) {
    return { error: e.message };
  }
}

// plain returns what JSON can carry; of an HTTP response that is its status, its content type and its body.
async function plain(value) {
  if (typeof value?.text !== 'function') {
    return value;
  }
  return { status: value.status, type: value.headers.get('content-type'), body: await value.text() };
}
