//! The hosts, and their files.

use std::fmt;
use std::path::{Path, PathBuf};

/// A program that starts servers for an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// Anthropic's command line.
    ClaudeCode,
    /// Anthropic's desktop application.
    ClaudeDesktop,
    /// `OpenAI`'s command line, and what shares its settings.
    Codex,
    /// The editor of Anysphere.
    Cursor,
    /// Google's command line.
    Gemini,
    /// Microsoft's editor.
    VsCode,
    /// The editor of Cognition.
    Windsurf,
    /// The editor of Zed Industries.
    Zed,
}

/// The systems that hosts keep their files on in different places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Linux and its kin.
    Linux,
    /// macOS
    MacOs,
    /// Windows
    Windows,
}

/// Where this user's files are.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The home directory.
    pub home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`, or `APPDATA` on Windows.
    pub config: Option<PathBuf>,
    /// `CODEX_HOME`
    pub codex: Option<PathBuf>,
}

/// A server that a host has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Which host.
    pub host: Host,
    /// Where that is written.
    pub file: PathBuf,
    /// What the host calls it.
    pub name: String,
    /// The program that the host starts.
    pub command: String,
}

/// How a host writes its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// JSON, with comments where the host has them.
    Json,
    Toml,
}

impl Platform {
    /// The one that this program was built for.
    pub const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "macos") {
        Self::MacOs
    } else {
        Self::Linux
    };
}

impl Host {
    /// All of them, by name.
    pub const ALL: [Self; 8] = [
        Self::ClaudeCode,
        Self::ClaudeDesktop,
        Self::Codex,
        Self::Cursor,
        Self::Gemini,
        Self::VsCode,
        Self::Windsurf,
        Self::Zed,
    ];

    /// The word for it on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::ClaudeDesktop => "claude-desktop",
            Self::Codex => "codex",
            Self::Cursor => "cursor",
            Self::Gemini => "gemini",
            Self::VsCode => "vscode",
            Self::Windsurf => "windsurf",
            Self::Zed => "zed",
        }
    }

    /// Whether its files are edited; the others are only told what to put there.
    pub fn is_edited(self) -> bool {
        !matches!(self, Self::Gemini | Self::Windsurf)
    }

    /// The user's file, if that place is known.
    pub fn file(self, places: &Places, platform: Platform) -> Option<PathBuf> {
        let home = |path: &str| places.home.as_deref().map(|home| beneath(home, path));
        let config = |path: &str| match platform {
            Platform::MacOs => home("Library/Application Support").map(|dir| beneath(&dir, path)),
            Platform::Windows => places.config.as_deref().map(|dir| beneath(dir, path)),
            Platform::Linux => {
                let named = places.config.clone().filter(|path| path.is_absolute());
                named.or_else(|| home(".config")).map(|dir| beneath(&dir, path))
            }
        };
        match self {
            Self::ClaudeCode => home(".claude.json"),
            Self::ClaudeDesktop => config("Claude/claude_desktop_config.json"),
            Self::Codex => {
                let named = places.codex.as_deref().map(|dir| beneath(dir, "config.toml"));
                named.or_else(|| home(".codex/config.toml"))
            }
            Self::Cursor => home(".cursor/mcp.json"),
            Self::Gemini => home(".gemini/settings.json"),
            Self::VsCode => config("Code/User/mcp.json"),
            Self::Windsurf => home(".codeium/windsurf/mcp_config.json"),
            Self::Zed if platform == Platform::MacOs => home(".config/zed/settings.json"),
            Self::Zed => config(if platform == Platform::Windows {
                "Zed/settings.json"
            } else {
                "zed/settings.json"
            }),
        }
    }

    /// The file in a project, if the host reads one there.
    pub fn project_file(self, project: &Path) -> Option<PathBuf> {
        let path = match self {
            Self::ClaudeCode => ".mcp.json",
            Self::ClaudeDesktop | Self::Windsurf => return None,
            Self::Codex => ".codex/config.toml",
            Self::Cursor => ".cursor/mcp.json",
            Self::Gemini => ".gemini/settings.json",
            Self::VsCode => ".vscode/mcp.json",
            Self::Zed => ".zed/settings.json",
        };
        Some(beneath(project, path))
    }

    /// What stands for the directory that the user works in, in the arguments of a server. Claude
    /// Code, Codex and Gemini start servers in that directory.
    pub fn workspace(self) -> Option<&'static str> {
        match self {
            Self::ClaudeCode | Self::Codex | Self::Gemini => Some("."),
            Self::Cursor | Self::VsCode => Some("${workspaceFolder}"),
            Self::ClaudeDesktop | Self::Windsurf | Self::Zed => None,
        }
    }

    pub(crate) fn format(self) -> Format {
        if self == Self::Codex { Format::Toml } else { Format::Json }
    }

    /// Where in the file servers are.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Codex => "mcp_servers",
            Self::VsCode => "servers",
            Self::Zed => "context_servers",
            _ => "mcpServers",
        }
    }

    /// Whether an entry says that the server is one over standard input and output.
    pub(crate) fn says_type(self) -> bool {
        matches!(self, Self::ClaudeCode | Self::ClaudeDesktop | Self::Cursor | Self::VsCode)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClaudeCode => "Claude Code",
            Self::ClaudeDesktop => "Claude Desktop",
            Self::Codex => "Codex",
            Self::Cursor => "Cursor",
            Self::Gemini => "Gemini CLI",
            Self::VsCode => "VS Code",
            Self::Windsurf => "Windsurf",
            Self::Zed => "Zed",
        })
    }
}

fn beneath(directory: &Path, path: &str) -> PathBuf {
    let mut all = directory.to_owned();
    all.extend(path.split('/'));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_named_comes_before_the_usual_one() {
        let mut places = Places { home: Some("/home/me".into()), ..Places::default() };
        let file = |host: Host, places: &Places| host.file(places, Platform::Linux).unwrap();
        assert_eq!(file(Host::Zed, &places), Path::new("/home/me/.config/zed/settings.json"));
        assert_eq!(file(Host::Codex, &places), Path::new("/home/me/.codex/config.toml"));
        places.config = Some("/settings".into());
        places.codex = Some("/codex".into());
        assert_eq!(file(Host::VsCode, &places), Path::new("/settings/Code/User/mcp.json"));
        assert_eq!(file(Host::Codex, &places), Path::new("/codex/config.toml"));
        // The standard wants an absolute path, and no other counts.
        places.config = Some("settings".into());
        assert_eq!(file(Host::Zed, &places), Path::new("/home/me/.config/zed/settings.json"));
        assert_eq!(Host::Cursor.file(&Places::default(), Platform::Linux), None);
    }
}
