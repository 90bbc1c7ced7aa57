//! The handles of a socket: clones that share it, and weak ones that do not keep it open.

/// Has a socket, whose clones share an `Inner`, give access to the endpoint in that; and has it, where `$weak` names one, a
/// handle that does not keep it open.
macro_rules! shares_endpoint {
    ($socket:ident $(, $weak:ident)?) => {
        impl std::ops::Deref for $socket {
            type Target = $crate::net::socket::endpoint::Endpoint;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl std::ops::Deref for Inner {
            type Target = $crate::net::socket::endpoint::Endpoint;

            fn deref(&self) -> &Self::Target {
                &self.endpoint
            }
        }

        impl $socket {
            /// Whether both are the same.
            pub fn is(&self, other: &Self) -> bool {
                std::sync::Arc::ptr_eq(&self.0, &other.0)
            }
        }

        $(
            /// A socket that is not kept open by this.
            #[derive(Clone, Debug)]
            pub struct $weak(std::sync::Weak<Inner>);

            impl $weak {
                /// The socket, if something still holds it.
                pub fn upgrade(&self) -> Option<$socket> {
                    self.0.upgrade().map($socket)
                }
            }

            impl $socket {
                /// A handle that does not keep it open.
                pub fn weak(&self) -> $weak {
                    $weak(std::sync::Arc::downgrade(&self.0))
                }
            }
        )?
    };
}

pub(super) use shares_endpoint;
