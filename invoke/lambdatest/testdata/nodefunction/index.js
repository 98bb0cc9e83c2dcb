'use strict';

// A Lambda function that does what it is told: by the member "do" of the event, or of the "data" or "body" in it, or else by that of the
// environment variable ORDER, which is JSON. It knows the orders of the Go function beside it, less "print".

let ticks = 0;
setInterval(() => ticks++, 1).unref();

exports.handler = async (event, context) => {
  const order = find(event) ?? find(process.env.ORDER) ?? {};
  switch (order.do) {
    case 'error':
      throw new Error('told to fail');
    case 'panic':
      setImmediate(() => { throw new Error('told to panic'); });
      return new Promise(() => {});
    case 'exit':
      process.exit(order.n);
    case 'sleep':
      await new Promise((resolve) => setTimeout(resolve, order.n));
      break;
    case 'big':
      return answer(200, 'x'.repeat(order.n));
    case 'raw':
      return order.raw;
    case 'status':
      return answer(order.n, JSON.stringify(event));
    case 'ticks':
      return answer(200, String(ticks));
    case 'env':
      return answer(200, Object.entries(process.env).map(([name, value]) => `${name}=${value}`).join('\n'));
    case 'context':
      return answer(200, [
        context.awsRequestId, context.invokedFunctionArn, Date.now() + context.getRemainingTimeInMillis(),
      ].join(' '));
  }
  return answer(200, JSON.stringify(event));
};

// find returns the order in the value, which may be text, or undefined.
function find(value) {
  if (typeof value === 'string') {
    try {
      value = JSON.parse(value);
    } catch {
      return undefined;
    }
  }
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  return typeof value.do === 'string' ? value : find(value.data) ?? find(value.body);
}

function answer(statusCode, body) {
  return { statusCode, headers: { 'Content-Type': 'application/json' }, body };
}
