/** A way to a server that can be shut and opened again, as a network or the server itself fails and comes back. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class Gate {
  private constructor(private readonly _target: { host: string; port: number }) {}

  /** Open a gate before the server at this address. */
  static async before(url: string): Promise<Gate> {
    const { hostname, port } = new URL(url);
    const gate = new Gate({ host: hostname, port: Number(port) });
    await gate.open();
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${this._port}`;
  }

  /** Let everybody through (again), at the same address. */
  async open(): Promise<void> {
    const server = createServer(socket => this._through(socket));
    await new Promise<void>(done => server.listen(this._port, '127.0.0.1', done));
    this._port = (server.address() as AddressInfo).port;
    this._server = server;
  }

  /** Break off what goes on, and let nobody through. */
  async shut(): Promise<void> {
    const server = this._server;
    this._server = null;
    const closed = new Promise(done => (server ? server.close(done) : done(null)));
    this._sockets.forEach(socket => socket.destroy());
    await closed;
  }

  private _through(socket: Socket): void {
    const other = connect(this._target);
    for (const [one, end] of [
      [socket, other],
      [other, socket]
    ] as const) {
      this._sockets.add(one);
      one.on('error', () => end.destroy());
      one.on('close', () => {
        this._sockets.delete(one);
        end.destroy();
      });
      one.pipe(end);
    }
  }

  private _port = 0;
  private _server: Server | null = null;
  private readonly _sockets = new Set<Socket>();
}
