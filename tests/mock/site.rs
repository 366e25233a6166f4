//! The oci.conf of a site.

/// The text of a site's oci.conf; `@ROOT@` is the runtimes' state directory.
pub struct Site(pub String);

impl Site {
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn run_mode(runtime: &str) -> Self {
        let command = format!("{runtime} --rootless=true --root=@ROOT@");
        Self(format!(
            "RunTimeRun=\"{command} run --bundle %b %n.%j.%s.%t\"\n\
             RunTimeKill=\"{command} kill %n.%j.%s.%t\"\n\
             RunTimeDelete=\"{command} delete --force %n.%j.%s.%t\"\n"
        ))
    }

    pub fn create_start(runtime: &str) -> Self {
        let command = format!("{runtime} --rootless=true --root=@ROOT@");
        Self(format!(
            "RunTimeCreate=\"{command} create --bundle %b %n.%j.%s.%t\"\n\
             RunTimeStart=\"{command} start %n.%j.%s.%t\"\n\
             RunTimeQuery=\"{command} state %n.%j.%s.%t\"\n\
             RunTimeKill=\"{command} kill %n.%j.%s.%t\"\n\
             RunTimeDelete=\"{command} delete --force %n.%j.%s.%t\"\n"
        ))
    }

    pub fn with(self, text: &str) -> Self {
        Self(self.0 + text)
    }
}
