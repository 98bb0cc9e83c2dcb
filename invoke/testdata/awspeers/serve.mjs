// Starts the server that the argument names on a free port of 127.0.0.1, says the port, and ends when its standard input does.
import { createRequire, register } from 'node:module';

// What fauxqs keeps on disk it keeps in SQLite, which older versions of Node do not have. Nothing is kept here.
const withoutSQLite = `export const resolve = (name, context, next) => name === 'node:sqlite'
  ? { url: 'data:text/javascript,export class DatabaseSync {}', shortCircuit: true } : next(name, context)`;

const servers = {
  async fauxqs() {
    register('data:text/javascript,' + encodeURIComponent(withoutSQLite));
    const app = (await import('fauxqs')).buildApp({ logger: false });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return app.server.address().port;
  },
  kinesalite() {
    const server = createRequire(import.meta.url)('kinesalite')({ createStreamMs: 0 });
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
  },
};

console.log(await servers[process.argv[2]]());
process.stdin.resume().on('end', () => process.exit());
