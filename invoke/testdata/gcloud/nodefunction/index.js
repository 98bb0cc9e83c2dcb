'use strict';

// Functions for tests, made with Google's functions framework for Node: the argument says which one. It prints where it is, and a line
// for each event that the function saw. It ends with its standard input.

const functions = require('@google-cloud/functions-framework');
const { getTestServer } = require('@google-cloud/functions-framework/testing');

function saw({ id, source, type, subject, data }) {
  console.log('saw ' + JSON.stringify({ id, source, type, subject, data }));
}

// The framework parses application/json only; of other types there is the raw body.
functions.http('http', (req, res) => {
  const event = JSON.parse(req.rawBody);
  saw(event);
  if (event.type === 'fail') {
    throw new Error('told to fail');
  }
  res.json({ statusCode: 201, body: 'hello ' + event.id });
});

functions.cloudEvent('event', (event) => {
  saw(event);
  if (event.type === 'fail') {
    throw new Error('told to fail');
  }
});

const server = getTestServer(process.argv[2]);
server.listen(0, '127.0.0.1', () => console.log(`at http://127.0.0.1:${server.address().port}`));
process.stdin.on('end', () => process.exit(0)).resume();
