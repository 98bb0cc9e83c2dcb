'use strict';

// Calls an action with OpenWhisk's own client, and prints what came of it as JSON. The argument is JSON: what the client is made with
// ("client"), the method that is called ("call", such as actions.invoke), and its options.

const openwhisk = require('openwhisk');

const { client, call, options } = JSON.parse(process.argv[2]);
const [resource, method] = call.split('.');

openwhisk(client)[resource][method](options)
  .then((result) => ({ result }))
  .catch((err) => ({ name: err.name, statusCode: err.statusCode, error: err.error, message: err.message }))
  .then((outcome) => console.log(JSON.stringify(outcome)));
