# A template: packaging/build fills in what stands between @ and @. On macOS there is no binary yet.
class Pingscript < Formula
  desc "Lab bench for networks: pingers, servers and drop policies as short scripts"
  homepage "https://github.com/pingscript/pingscript"
  url "https://github.com/pingscript/pingscript/releases/download/v@VERSION@/pingscript-@VERSION@-x86_64-unknown-linux-musl.tar.gz"
  sha256 "@SHA256@"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on arch: :x86_64
  depends_on :linux

  def install
    bin.install "pingscript"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/pingscript.bash" => "pingscript"
    zsh_completion.install "completions/_pingscript"
    fish_completion.install "completions/pingscript.fish"
  end

  test do
    assert_match "Packets Sent: 2", shell_output("#{bin}/pingscript --simulate --seed 1 udp_ping --count 2")
  end
end
