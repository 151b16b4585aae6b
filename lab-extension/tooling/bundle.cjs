/** What JupyterLab's builder is told beyond its defaults: style sheets without comments, shared parts once, short names. */
module.exports = {
  module: {
    rules: [
      // Style sheets travel inside scripts, where the builder leaves them as they are written.
      { test: /\.css$/, enforce: 'pre', loader: 'builtin:lightningcss-loader', options: { minify: true } }
    ]
  },
  output: {
    // The entry, which is fetched at start-up, names every file with its hash: eight digits tell versions apart.
    hashDigestLength: 8,
    // The builder would have the hash after `v=` again. Any `v` has the server let the browser keep a file.
    chunkFilename: '[name].[contenthash].js?v=1'
  },
  optimization: {
    splitChunks: {
      cacheGroups: {
        // What the panel, the dialog and the page share is fetched once, and only with one of them.
        shared: {
          chunks: chunk => chunk.name !== 'live',
          minChunks: 2,
          minSize: 3000,
          name: 'shared',
          test: /lab-extension[\\/](lib|style)|(style|css)-loader/
        }
      }
    }
  }
};
