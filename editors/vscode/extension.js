// Starts `pingscript lsp`, which does all else.
const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = () => {
  const command = workspace.getConfiguration("pingscript").get("path");
  client = new LanguageClient(
    "pingscript",
    "pingscript",
    { command, args: ["lsp"] },
    { documentSelector: [{ language: "rhai" }] },
  );
  return client.start();
};

exports.deactivate = () => client?.stop();
