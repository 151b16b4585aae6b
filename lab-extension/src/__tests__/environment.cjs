/** jsdom with what every browser has and jsdom lacks, taken from Node. */
const { TestEnvironment } = require('jest-environment-jsdom');

module.exports = class WindlassEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    const {
      DecompressionStream,
      fetch,
      Headers,
      Request,
      Response,
      structuredClone,
      TextDecoder,
      TextEncoder
    } = globalThis;
    Object.assign(this.global, {
      DecompressionStream,
      fetch,
      Headers,
      Request,
      Response,
      structuredClone,
      TextDecoder,
      TextEncoder
    });
  }
};
