'use strict';

// A sender of events and a function, both made with the CloudEvents SDK. It says its URL in its first line, and ends when its standard
// input does. The Go program beside it has the same paths:
//   POST /send        sends the events that the body describes, {url, mode, events}, and returns the answer: {status, header, body}
//   POST /function    takes an event, checks it, and answers with an HTTP response object
//   GET /received/ID  returns what the event with this id was when /function took it: {binary, attributes, data}, with data in base64, or {}

const http = require('node:http');
const { CloudEvent, CONSTANTS, HTTP, Mode, emitterFor } = require('cloudevents');

const received = new Map();

const server = http.createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  try {
    if (req.url === '/send') return reply(res, 200, await send(JSON.parse(body)));
    if (req.url === '/function') return reply(res, 200, take(req.headers, body));
    reply(res, 200, received.get(decodeURIComponent(req.url.replace('/received/', ''))) ?? {});
  } catch (err) {
    console.error(`${req.url}: ${err.stack}`);
    reply(res, 500, { error: err.message });
  }
});

function reply(res, status, object) {
  res.writeHead(status, { 'Content-Type': 'application/json' });
  res.end(JSON.stringify(object));
}

function send({ url, mode, events }) {
  const made = events.map(({ attributes, data, form }) => new CloudEvent({ ...attributes, data: asData(data, form) }));
  const post = (message) => fetch(url, { method: 'POST', headers: message.headers, body: message.body }).then(
    async (resp) => ({ status: resp.status, header: resp.headers.get('X-Peer') ?? '', body: await resp.text() }));
  if (mode === 'batch') {
    // The SDK reads batches, and has nothing to write them but the events' toJSON.
    return post({ headers: { 'Content-Type': CONSTANTS.MIME_CE_BATCH }, body: JSON.stringify(made) });
  }
  return emitterFor(post, { mode: mode === 'binary' ? Mode.BINARY : Mode.STRUCTURED })(made[0]);
}

// asData makes of bytes what users of the SDK give it.
function asData(base64, form) {
  const raw = Buffer.from(base64 ?? '', 'base64');
  switch (form) {
    case 'json':
      return JSON.parse(raw);
    case 'text':
      return raw.toString();
    case 'bytes':
      return Uint8Array.from(raw);
  }
  return undefined;
}

function take(headers, raw) {
  // The SDK wants text where it parses, and bytes elsewhere.
  const type = headers['content-type'] ?? '';
  const binary = headers['ce-specversion'] !== undefined;
  const event = HTTP.toEvent({ headers, body: /json/.test(type) ? raw.toString() : raw });
  if (event.validate() !== true) throw new Error('this is no CloudEvent 1.0');
  if (!binary) new CloudEvent(JSON.parse(raw)); // which looks more closely, as at what toEvent leaves out
  const { data, data_base64, ...attributes } = event;
  for (const name in attributes) if (attributes[name] === undefined) delete attributes[name];
  received.set(event.id, { binary, attributes, data: asBytes(data).toString('base64') });
  return { statusCode: 201, headers: { 'X-Peer': 'node' }, body: event.id };
}

function asBytes(data) {
  if (data === undefined) return Buffer.alloc(0);
  if (ArrayBuffer.isView(data)) return Buffer.from(data); // of numbers of 32 bits too
  return Buffer.from(typeof data === 'string' ? data : JSON.stringify(data));
}

server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.on('end', () => process.exit()).resume();
